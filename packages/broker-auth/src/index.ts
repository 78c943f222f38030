export type {
  AccessRequest,
  Account,
  Decider,
  Decision,
  Grants,
  LoginDecision,
  LoginRequest,
} from './decision.js'
