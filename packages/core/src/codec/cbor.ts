import * as cborg from 'cborg'
import type { Codec } from './codec.js'
