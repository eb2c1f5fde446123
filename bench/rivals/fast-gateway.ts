import { freePort } from '../../test/support/free-port.ts'
import { startNode } from '../node-process.ts'
import { moduleDirectory } from '../packages.ts'
import type { Rival } from '../rival.ts'

export const fastGateway: Rival = {
  name: 'fast-gateway',
  authenticates: true,
  abilities: ['requests'],
  module: 'fast-gateway@3.4.7',
  start: async (setting) =>
    startNode('fast-gateway.ts', setting, { PORT: `${await freePort()}`, MODULES: `${moduleDirectory()}/` }),
}
