import { DeviceHubError } from '@devicehub/core'

/** mqtt.js, which only this sink needs. `missing_dependency` says how to install it. */
export async function loadMqtt(load: () => Promise<typeof import('mqtt')> = () => import('mqtt')) {
  try {
    const module = await load()
    return module.default ?? module
  } catch (cause) {
    const { code } = cause as { code?: unknown }
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause
    throw new DeviceHubError(
      'missing_dependency',
      'mosquittoDynamicSecurity needs the package mqtt. Install it: npm install mqtt',
      { cause },
    )
  }
}
