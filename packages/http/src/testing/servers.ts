import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { mount } from 'hono/mount'
import { expressHandler } from '../mount/express-handler.js'
import { fastifyPlugin } from '../mount/fastify-plugin.js'
import { honoHandler } from '../mount/hono-handler.js'
import { nodeListener } from '../mount/node-listener.js'
import type { EchoHandler } from './echo.js'

export interface Running {
  readonly url: string
  readonly close: () => Promise<unknown>
}

export async function listening(server: Server, path = ''): Promise<Running> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Each with a route of the application's own beside it, at `/own`. */
export const SERVERS: Record<string, (echo: EchoHandler) => Promise<Running>> = {
  'plain Node': ({ handler }) => listening(createServer(nodeListener(handler))),
  Express: ({ handler }) => {
    const app = express()
    app.use('/dh/v1', expressHandler(handler))
    return listening(createServer(app), '/dh/v1')
  },
  'Express behind its body parsers': ({ handler }) => {
    const app = express()
    app.use(
      express.json({ limit: '1mb' }),
      express.urlencoded({ extended: true }),
      express.text(),
      express.raw(),
    )
    app.use('/dh/v1', expressHandler(handler))
    return listening(createServer(app), '/dh/v1')
  },
  Fastify: async ({ handler }) => {
    const app = fastify()
    await app.register(fastifyPlugin(handler), { prefix: '/dh/v1' })
    app.post('/own', async (request) => ({ own: request.body }))
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}/dh/v1`,
      close: () => {
        app.server.closeAllConnections()
        return app.close()
      },
    }
  },
  'Fastify below a parameter': async ({ handler }) => {
    const app = fastify()
    await app.register(fastifyPlugin(handler), { prefix: '/:tenant/v1' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}/acme/v1`,
      close: () => {
        app.server.closeAllConnections()
        return app.close()
      },
    }
  },
  Hono: ({ handler }) => {
    const app = new Hono()
    app.all('/dh/v1/*', mount(honoHandler(handler)))
    const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
    return listening(createServer(listener as RequestListener), '/dh/v1')
  },
}
