// Writes docs/project.schema.json from libs/project; a test keeps the two equal.
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { projectSchema } = await import(join(root, 'dist/libs/project/src/index.js'));
writeFileSync(join(root, 'docs/project.schema.json'), `${JSON.stringify(projectSchema, null, 2)}\n`);
