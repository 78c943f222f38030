import { command, defineDeviceType } from '@devicehub/core/definition'
import { z } from 'zod'
import type { DeviceClientOptions } from '../device-client-options.js'
import { startCommandWorld } from './command-world.js'
import type { Script } from './scripted-broker.js'

export const Valve = defineDeviceType('valve', {
  commands: {
    open: command({
      payload: z.object({ degrees: z.number().min(0).max(90), at: z.iso.datetime().optional() }),
    }),
    close: command(),
    tune: command({ payload: z.object({ gain: z.string().transform(Number) }) }),
    measure: command({ result: z.object({ degrees: z.number() }) }),
  },
})

export async function connectValve(
  options: Partial<DeviceClientOptions> & { readonly script?: Script } = {},
) {
  const world = await startCommandWorld(Valve, options)
  const executed: { readonly name: string; readonly payload: unknown; readonly id: string | null }[] = []
  const note =
    (name: string) =>
    (payload: unknown, { id }: { readonly id: string | null }): void =>
      void executed.push({ name, payload, id })
  return { ...world, executed, note }
}

export const expiry = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString()

/** Resolved from outside. */
export function gate() {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}
