kubectl set image pod/httpserver-readiness httpserver=blux2/hello-server:2.0
