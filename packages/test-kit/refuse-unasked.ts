import { refuseUnasked } from './src/services/programs.js'

refuseUnasked()
