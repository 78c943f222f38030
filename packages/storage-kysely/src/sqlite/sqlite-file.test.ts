import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { refuseNoFile } from './sqlite-file.js'

test('a database that another process makes at the same moment is no link to nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-file-'))
  try {
    for (let round = 0; round < 300; round++) {
      const file = join(folder, `${round}.db`)
      const looked = refuseNoFile(file)
      if (round % 3 > 0) await new Promise(setImmediate)
      writeFileSync(file, '')
      await looked
    }
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link.db'))
    await expect(refuseNoFile(join(folder, 'link.db'))).rejects.toMatchObject({ code: 'storage_refused' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
