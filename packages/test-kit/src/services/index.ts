export { type AedesService, type AedesServiceOptions, startAedes } from './aedes.js'
export { refuseUnasked } from './asked.js'
export {
  isInstalled,
  missingServices,
  type ServiceHandles,
  type ServiceName,
  type ServiceStartOptions,
} from './catalogue.js'
export { type Certificate, type Certificates, createCertificates } from './certificates.js'
export type { DatabaseService, TestDatabase } from './database-service.js'
export { describeWith, type ServiceStarter, type Services, type SharedService } from './describe-with.js'
export { freePort } from './free-port.js'
export { type HiveMqOptions, type HiveMqService, startHiveMq } from './hivemq.js'
export type { Service, ServiceOptions } from './managed-service.js'
export { type MariadbOptions, type MariadbService, startMariadb } from './mariadb.js'
export {
  type MosquittoOptions,
  type MosquittoService,
  type MosquittoTls,
  startMosquitto,
} from './mosquitto.js'
export { hasExtension, type PostgresOptions, type PostgresService, startPostgres } from './postgres.js'
export {
  type RabbitMqHttpAuth,
  type RabbitMqServerOptions,
  type RabbitMqService,
  startRabbitMq,
} from './rabbitmq.js'
export { type RedisOptions, type RedisService, startRedis } from './redis.js'
export {
  createTcpProxy,
  type FlowMode,
  type TcpProxy,
  type TcpProxyCounters,
  type TcpProxyOptions,
} from './tcp-proxy.js'
export { type WaitUntilOptions, waitUntil } from './wait-until.js'
