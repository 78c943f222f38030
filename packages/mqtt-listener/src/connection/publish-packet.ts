import type { IPublishPacket } from 'mqtt'

/** Of a PUBLISH what the listener reads. */
export type PublishPacket = Readonly<Pick<IPublishPacket, 'topic' | 'payload' | 'dup' | 'retain'>> & {
  readonly qos: 0 | 1 | 2
  readonly messageId?: number | undefined
  readonly properties?: IPublishPacket['properties'] | undefined
}

/** False: read no further packet until `resume()`. */
export type OnPublish = (packet: PublishPacket, qos: 0 | 1 | 2) => boolean
