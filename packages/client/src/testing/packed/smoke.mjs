import { createDeviceClient } from '@devicehub/client'
import { command, defineDeviceType, reading } from '@devicehub/core/definition'
import { z } from 'zod'
import { startStation } from './station.cjs'

await startStation({ createDeviceClient, command, defineDeviceType, reading, z })
