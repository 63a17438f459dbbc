// `npm run golden`: what later releases are held against. Writes the bytes of each message that has none yet for this
// release (never over those that are there), and the wire as protobuf's own description of it
// (`libs/contracts/golden/wire.binpb`), which `buf breaking` compares with: a change that breaks the wire shows as a
// changed golden file in the same commit.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

const { CODEC_SAMPLES } = await import(join(root, 'dist/libs/contracts/test/samples.js'));
const golden = join(root, 'libs/contracts/golden');
const release = join(golden, `v${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}`);
mkdirSync(release, { recursive: true });
for (const { name, encode } of CODEC_SAMPLES) {
  const file = join(release, `${name}.bin`);
  if (!existsSync(file)) writeFileSync(file, encode());
}
execFileSync(join(root, 'node_modules/.bin/buf'), ['build', '-o', join(golden, 'wire.binpb')], { cwd: root });
