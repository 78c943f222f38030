import { createReadStream } from 'node:fs'
import { chmod, link, lstat, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import type { DeviceRecord } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { type JsonOutput, readJsonFile, rowsOf, storageWith } from '../testing/import-fixtures.js'
import { provisionWorld, Station, temporaryFolder } from '../testing/provision-world.js'
import type { ImportedDevice } from './imported-device.js'

describe('the output', () => {
  const one = { rows: [{ device_id: 'A' }] }

  test('is never a file that is there, a symbolic link, or missing', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    const { provisioner } = world
    const refused = async (output: object, message: RegExp) => {
      await expect(provisioner.importDevices(Station, one, { output } as never)).rejects.toMatchObject({
        code: 'invalid_options',
        message: expect.stringMatching(message),
      })
    }
    await writeFile(folder.file('there.csv'), 'precious')
    await refused({ file: folder.file('there.csv') }, /exists already/)
    await symlink(folder.file('there.csv'), folder.file('link.csv'))
    await refused({ file: folder.file('link.csv') }, /exists already/)
    await refused({ file: folder.file('link.csv'), overwrite: true }, /symbolic link/)
    await symlink(folder.file('nowhere.csv'), folder.file('dangling.csv'))
    await refused({ file: folder.file('dangling.csv') }, /exists already|cannot be written/)
    await refused({ file: folder.file('no/such/folder.csv') }, /ENOENT/)
    await refused({ file: folder.file('what.txt') }, /format/)
    await refused({}, /output/)
    expect(await readFile(folder.file('there.csv'), 'utf8')).toBe('precious')
    expect(await world.hub.devices.get(Station, 'A')).toBeNull()

    await chmod(folder.file('there.csv'), 0o644)
    await provisioner.importDevices(Station, one, {
      output: { file: folder.file('there.csv'), overwrite: true },
    })
    const { mode } = await lstat(folder.file('there.csv'))
    expect(mode & 0o777).toBe(0o600)
    expect(await readFile(folder.file('there.csv'), 'utf8')).not.toContain('precious')
  })

  test('holds the secrets of a batch before the database is asked', async () => {
    await using folder = await temporaryFolder()
    const output = folder.file('out.csv')
    const inFile: boolean[] = []
    const storage = storageWith(({ credentials }) => ({
      credentials: {
        ...credentials,
        async write(writes) {
          const text = await readFile(output, 'utf8')
          inFile.push(...writes.map(({ deviceId }) => text.includes(`\n${deviceId},`)))
          return credentials.write(writes)
        },
      },
    }))
    await using world = provisionWorld({ storage })
    await world.provisioner.importDevices(Station, { rows: rowsOf(1_001) }, { output: { file: output } })
    expect(inFile).toHaveLength(1_001)
    expect(inFile.every(Boolean)).toBe(true)
  })

  test('keeps what may have been created when the database goes away, and is valid JSON', async () => {
    await using folder = await temporaryFolder()
    const output = folder.file('out.json')
    let calls = 0
    const storage = storageWith(({ credentials }) => ({
      credentials: {
        ...credentials,
        async write(writes) {
          const outcomes = await credentials.write(writes)
          if (++calls === 2) throw new DeviceHubError('storage_unavailable', 'the answer was lost')
          return outcomes
        },
      },
    }))
    await using world = provisionWorld({ storage })
    const { provisioner } = world
    await expect(
      provisioner.importDevices(Station, { rows: rowsOf(1_500) }, { output: { file: output } }),
    ).rejects.toMatchObject({ code: 'storage_unavailable' })
    const { devices } = await readJsonFile(output)
    expect(devices).toHaveLength(1_000)
    const verified = await Promise.all(
      devices.map(({ mqtt_username: username, mqtt_password: password }) =>
        provisioner.verify({ username, password }),
      ),
    )
    expect(verified).not.toContain(null)
    const again = await provisioner.importDevices(Station, { rows: rowsOf(1_500) }, { output: () => {} })
    expect(again).toMatchObject({ created: 500, existing: 1_000 })
  })

  test.each(['csv', 'json'] as const)(
    'leaves out what another import has created meanwhile: %s',
    async (format) => {
      await using folder = await temporaryFolder()
      const output = folder.file(`out.${format}`)
      const stolen = new Set(['D-0', 'D-1', 'D-250', 'D-499', 'D-500', 'D-700'])
      const storage = storageWith(({ credentials, devices }) => ({
        credentials: {
          ...credentials,
          async write(writes) {
            for (const { deviceId, create } of writes)
              if (stolen.has(deviceId) && create !== null)
                await devices.create(Station, create as DeviceRecord)
            return credentials.write(writes)
          },
        },
      }))
      await using world = provisionWorld({ storage })
      const report = await world.provisioner.importDevices(
        Station,
        { rows: rowsOf(701) },
        { output: { file: output } },
      )
      expect(report).toMatchObject({ created: 695, existing: 6 })
      const text = await readFile(output, 'utf8')
      const ids =
        format === 'json'
          ? (JSON.parse(text) as JsonOutput).devices.map(({ device_id }) => device_id)
          : text
              .trim()
              .split('\n')
              .slice(1)
              .map((line) => line.split(',')[0])
      expect(ids).toEqual(
        rowsOf(701)
          .map(({ device_id }) => device_id)
          .filter((id) => !stolen.has(id)),
      )
      expect((await stat(output)).mode & 0o777).toBe(0o600)
      expect(await readdir(dirname(output))).toEqual([`out.${format}`])
    },
  )

  test('names that a spreadsheet would calculate are plain text; secrets are to the letter', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    const given: ImportedDevice[] = []
    const names = ['=1+1', '+1', '-1', '@a', 'plain']
    const rows = names.map((name, index) => ({ device_id: `-D${index}`, name }))
    const output = folder.file('out.csv')
    await world.provisioner.importDevices(Station, { rows }, { output: { file: output } })
    await world.provisioner.importDevices(
      Station,
      { rows },
      { output: (devices) => void given.push(...devices), rotate: true },
    )
    const cells = (await readFile(output, 'utf8'))
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','))
    expect(cells.map(([id, name]) => [id, name])).toEqual([
      ['-D0', "'=1+1"],
      ['-D1', "'+1"],
      ['-D2', "'-1"],
      ['-D3', "'@a"],
      ['-D4', 'plain'],
    ])
    expect((await world.hub.devices.get(Station, '-D0'))?.name).toBe('=1+1')
    expect(given.map(({ name }) => name)).toEqual(names)
  })

  describe.each(['csv', 'json'] as const)('that replaces an older file (%s)', (format) => {
    const old = 'the secrets of last year'

    async function stage() {
      const folder = await temporaryFolder()
      const file = folder.file(`secrets.${format}`)
      await writeFile(file, old)
      const only = [`secrets.${format}`]
      return { folder, file, only, output: { file, overwrite: true }, names: () => readdir(dirname(file)) }
    }

    test('leaves it alone until there is a first row to write', async () => {
      const { folder, file, output, only, names } = await stage()
      await using _folder = folder
      await using world = provisionWorld()
      const { provisioner } = world
      const refused = (source: object, code: string) =>
        expect(provisioner.importDevices(Station, source as never, { output })).rejects.toMatchObject({
          code,
        })
      const broken = async function* () {
        yield 'device_id\n'
        throw new DeviceHubError('closed', 'the upload broke off')
      }
      await refused({ csv: folder.file('nowhere.csv') }, 'invalid_options')
      await refused({ json: folder.file('nowhere.json') }, 'invalid_options')
      await refused({ csv: broken() }, 'closed')
      await provisioner.importDevices(Station, { rows: [{ device_id: 'no/id' }] }, { output })
      await provisioner.importDevices(Station, one, { output: () => {} })
      expect(await provisioner.importDevices(Station, one, { output })).toMatchObject({ existing: 1 })
      expect(await readFile(file, 'utf8')).toBe(old)
      expect(await names()).toEqual(only)
    })

    test('is the old file or the complete new one at every moment', async () => {
      const { folder, file, output, only, names } = await stage()
      await using _folder = folder
      const seen: string[] = []
      const storage = storageWith(({ credentials, devices }) => ({
        devices: {
          ...devices,
          async find(type, ids) {
            seen.push(await readFile(file, 'utf8'))
            return devices.find(type, ids)
          },
        },
        credentials: {
          ...credentials,
          async write(writes) {
            seen.push(await readFile(file, 'utf8'))
            return credentials.write(writes)
          },
        },
      }))
      await using world = provisionWorld({ storage })
      await world.provisioner.importDevices(Station, { rows: rowsOf(600, 'Device') }, { output })
      // Longer than what a random secret holds by chance. Id, name and user name.
      const counts = seen.map((text) => (text === old ? 'old' : (text.match(/Device-\d+\b/g) ?? []).length))
      const perRow = 3
      expect(counts.filter((count) => count !== 0)).toEqual(['old', 500 * perRow, 500 * perRow, 600 * perRow])
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect(await names()).toEqual(only)
    })
  })

  test('is never the source, by whatever name, and nothing is touched then', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    const source = folder.file('devices.csv')
    const text = 'device_id\nA\n'
    await writeFile(source, text)
    await symlink(source, folder.file('soft.csv'))
    await link(source, folder.file('hard.csv'))
    await symlink(dirname(source), folder.file('folder'))
    const others = [source, folder.file('hard.csv'), join(folder.file('folder'), 'devices.csv')]
    for (const [from, to] of [
      ...others.map((to) => [source, to] as const),
      ...others.map((to) => [folder.file('soft.csv'), to] as const),
      ...others.map((to) => [createReadStream(source), to] as const),
    ])
      await expect(
        world.provisioner.importDevices(Station, { csv: from }, { output: { file: to, overwrite: true } }),
      ).rejects.toMatchObject({
        code: 'invalid_options',
        message: expect.stringContaining('the source itself'),
      })
    expect(await readFile(source, 'utf8')).toBe(text)
    expect((await readdir(dirname(source))).sort()).toEqual(['devices.csv', 'folder', 'hard.csv', 'soft.csv'])
    expect(await world.hub.devices.get(Station, 'A')).toBeNull()
  })

  test('is not there after an import that failed before its first row, so that the next one can name it', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    const output = { file: folder.file('out.csv') }
    await expect(
      world.provisioner.importDevices(Station, { csv: folder.file('nowhere.csv') }, { output }),
    ).rejects.toMatchObject({ code: 'invalid_options' })
    expect(await readdir(dirname(output.file))).toEqual([])
    expect(await world.provisioner.importDevices(Station, one, { output })).toMatchObject({ created: 1 })
  })

  test('takes no name that somebody else has taken meanwhile', async () => {
    await using folder = await temporaryFolder()
    await using world = provisionWorld()
    const file = folder.file('out.csv')
    const rows = (async function* () {
      await writeFile(file, 'precious')
      yield { device_id: 'A' }
    })()
    await expect(
      world.provisioner.importDevices(Station, { rows }, { output: { file } }),
    ).rejects.toMatchObject({ code: 'invalid_options', message: expect.stringContaining('exists already') })
    expect(await readFile(file, 'utf8')).toBe('precious')
    expect(await readdir(dirname(file))).toEqual(['out.csv'])
    expect(await world.hub.devices.get(Station, 'A')).toBeNull()
  })
})
