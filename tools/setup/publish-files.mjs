// Writes docs/files.md from the heads of the files.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesPage } from './files-page.mjs';
import { root } from './paths.mjs';

writeFileSync(join(root, 'docs/files.md'), filesPage(root));
