import { refuseUnasked } from './src/services/asked.js'

refuseUnasked()
