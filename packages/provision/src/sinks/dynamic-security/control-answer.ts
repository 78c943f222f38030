import { z } from 'zod'

const role = z.object({ rolename: z.string(), priority: z.number().optional() })

const acl = z.object({
  acltype: z.string(),
  topic: z.string(),
  priority: z.number().optional(),
  allow: z.boolean(),
})

export const brokerRole = z.object({ rolename: z.string(), acls: z.array(acl).default([]) })

export const brokerClient = z.object({
  username: z.string(),
  clientid: z.string().optional(),
  textname: z.string().optional(),
  disabled: z.boolean().default(false),
  roles: z.array(role).default([]),
  groups: z.array(z.unknown()).default([]),
})

export type Acl = z.infer<typeof acl>
export type BrokerRole = z.infer<typeof brokerRole>
export type BrokerClient = z.infer<typeof brokerClient>

/** One command's. `error` is the broker's text; `data` is there when something was asked for. */
const answer = z.object({
  error: z.string().optional(),
  data: z.unknown().optional(),
  correlationData: z.string().optional(),
})

export type ControlAnswer = z.infer<typeof answer>

export const controlResponse = z.object({ responses: z.array(answer) })

export const roleAnswer = z.object({ role: brokerRole })
export const clientAnswer = z.object({ client: brokerClient })
export const rolePage = z.object({ totalCount: z.number(), roles: z.array(brokerRole) })
export const clientPage = z.object({ totalCount: z.number(), clients: z.array(brokerClient) })

export const alreadyExists = ({ error }: ControlAnswer): boolean => /already exists/i.test(error ?? '')
export const isMissing = ({ error }: ControlAnswer): boolean => /not found|does not exist/i.test(error ?? '')
