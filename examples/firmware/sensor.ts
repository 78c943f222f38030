let temperature = 18
let humidity = 55
let battery = 100

const drift = (value: number, by: number, min: number, max: number) =>
  Math.min(max, Math.max(min, value + (Math.random() - 0.5) * by))

/** Stands in for the hardware: read your sensor here. */
export function readSensor(): { temperature: number; humidity: number } {
  temperature = drift(temperature, 0.5, -20, 40)
  humidity = drift(humidity, 2, 20, 95)
  return { temperature, humidity }
}

/** Percent. */
export function readBattery(): number {
  battery = Math.max(5, battery - 0.01)
  return Math.round(battery)
}
