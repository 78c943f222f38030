const { createDeviceClient } = require('@devicehub/client')
const { command, defineDeviceType, reading } = require('@devicehub/core/definition')
const { z } = require('zod')
const { startStation } = require('./station.cjs')

startStation({ createDeviceClient, command, defineDeviceType, reading, z })
