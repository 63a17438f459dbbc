// Writes docs/project.schema.json from libs/project and docs/detectors.md from libs/drift; tests keep them equal.
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { projectSchema } = await import(join(root, 'dist/libs/project/src/index.js'));
writeFileSync(join(root, 'docs/project.schema.json'), `${JSON.stringify(projectSchema, null, 2)}\n`);
const { detectorsPage } = await import(join(root, 'dist/libs/drift/src/detectors-page.js'));
writeFileSync(join(root, 'docs/detectors.md'), detectorsPage());
