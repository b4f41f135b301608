kubectl set image pod/httpserver-liveness httpserver=blux2/hello-server:2.0
