kubectl patch deployment hello-server --type json --patch '[{"op": "replace", "path": "/spec/template/spec/containers/0/readinessProbe/httpGet/port", "value": 8080}]'
