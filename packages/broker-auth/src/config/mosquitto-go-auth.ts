import type { ConfigTarget } from './config-target.js'

/** For `mosquitto.conf`. */
export function mosquittoGoAuthConfig({ host, port, tls, path }: ConfigTarget): string {
  return `# mosquitto.conf. The path holds the secret: keep the file readable for mosquitto alone.
allow_anonymous false
auth_plugin /etc/mosquitto/go-auth.so
# No other backend: one more that allows is enough.
auth_opt_backends http
auth_opt_disable_superuser true
# What is cached outlives a revocation.
auth_opt_cache false
auth_opt_http_host ${host}
auth_opt_http_port ${port}
auth_opt_http_with_tls ${tls}
auth_opt_http_verify_peer ${tls}
auth_opt_http_method POST
auth_opt_http_timeout 5
auth_opt_http_params_mode json
# For \`text\` the endpoints are /mosquitto-go-auth/text/user and so on.
auth_opt_http_response_mode json
auth_opt_http_getuser_uri ${path('/mosquitto-go-auth/user')}
auth_opt_http_superuser_uri ${path('/mosquitto-go-auth/superuser')}
auth_opt_http_aclcheck_uri ${path('/mosquitto-go-auth/acl')}
`
}
