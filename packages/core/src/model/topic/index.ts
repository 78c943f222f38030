export {
  buildTopic,
  deviceTopics,
  parseTopic,
  subscribePatterns,
} from './build-topic.js'
export { CHANNELS, type Channel, INBOUND_CHANNELS, isChannel, OUTBOUND_CHANNELS } from './channel.js'
export { assertDeviceId, DEVICE_ID_MAX_LENGTH, deviceIdProblem, isValidDeviceId } from './device-id.js'
export type { TopicRefusal } from './explain-topic.js'
export { isValidTopic, isValidTopicFilter, topicMatches } from './mqtt-topic.js'
export { createTopicRouter, type TopicRoute, type TopicRouter } from './router.js'
export { DEFAULT_TOPIC_PREFIX } from './template.js'
export type { SubscribePatternOptions, TopicOptions } from './topic-rules.js'
