/**
 * Two lanes overlap: while the database works on the batch of one, this process makes the rows of the other. A device
 * always takes the same lane, and a lane commits one batch after the other, so a device's messages stay in order.
 */
export const LANES = 2

export function laneOf(deviceId: string | null): number {
  if (deviceId === null) return 0
  let hash = 0
  for (let i = 0; i < deviceId.length; i++) hash = (Math.imul(hash, 31) + deviceId.charCodeAt(i)) | 0
  // The low bits of a product of odd numbers know little of the first characters.
  return ((hash ^ (hash >>> 15)) >>> 0) % LANES
}
