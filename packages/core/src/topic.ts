export {
  buildTopic,
  deviceTopics,
  parseTopic,
  type SubscribeOptions,
  subscribePatterns,
} from './topic/build-topic.js'
export { CHANNELS, type Channel, INBOUND_CHANNELS, isChannel, OUTBOUND_CHANNELS } from './topic/channel.js'
export { assertDeviceId, DEVICE_ID_MAX_LENGTH, deviceIdProblem, isValidDeviceId } from './topic/device-id.js'
export type { TopicRefusal } from './topic/explain-topic.js'
export { isValidTopic, isValidTopicFilter, topicMatches } from './topic/mqtt-topic.js'
export { createTopicRouter, type TopicOptions, type TopicRoute, type TopicRouter } from './topic/router.js'
export { DEFAULT_TOPIC_PREFIX, DEFAULT_TOPIC_TEMPLATE } from './topic/template.js'
