import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { swcOptions } from './tools/setup/swc-options.mjs';

const root = dirname(fileURLToPath(import.meta.url));

/**
 * Jest in ESM mode on the TypeScript sources; run through `npm test`, or `npx jest` with
 * NODE_OPTIONS=--experimental-vm-modules.
 */
export default {
  rootDir: root,
  testEnvironment: '<rootDir>/test/environments/plain-global.mjs',
  testMatch: ['<rootDir>/{libs,services,apps,test,bench}/**/*.{spec,int-spec,e2e-spec}.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.millrace/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^@millrace/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { ...swcOptions(root), jsc: { ...swcOptions(root).jsc, paths: undefined, baseUrl: undefined } },
    ],
  },
  // What hangs is ended; a machine that does other things is slow and does not hang. Bounds of time that mean something
  // stand in their tests.
  testTimeout: 120_000,
};
