// Writes docs/the-loop.md from the table of the loop's state machine.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';

const { LOOP_SAYS } = await import(join(root, 'dist/libs/api/src/index.js'));
const { loopPage } = await import(join(root, 'dist', 'services/trainer/src/loop/loop-page.js'));

writeFileSync(join(root, 'docs/the-loop.md'), loopPage(LOOP_SAYS));
