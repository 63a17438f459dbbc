// A package around a model that was made elsewhere, as a registration writes it: manifest, a plan of inputs without
// features, the binding, and the model's files under own/.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SignatureInput } from '@millrace/features';
import type { Binding } from '@millrace/inference';

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

export interface OwnModel {
  inputs: readonly SignatureInput[];
  binding: Binding;
  /** Path below own/ → where the file lies. */
  files: Readonly<Record<string, string>>;
}

/** All files of a folder, by their path below `into`. */
export function filesOf(folder: string, into: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [`${into}/${path.slice(folder.length + 1)}`, path];
    }),
  );
}

/** Writes `<home>/artifacts/models/<project>/<version>/`. */
export function writeOwnPackage(home: string, project: string, version: number, model: OwnModel): void {
  const plan = { format: 2, inputs: model.inputs, steps: [], width: 0, rows: 0 };
  const content: Record<string, string | Buffer> = {
    'features.json': JSON.stringify(plan),
    'binding.json': JSON.stringify(model.binding),
  };
  for (const [path, from] of Object.entries(model.files)) content[`own/${path}`] = readFileSync(from);
  const files = Object.fromEntries(Object.entries(content).map(([path, bytes]) => [path, sha256(bytes)]));
  const list = Object.keys(files).sort();
  const manifest = {
    project,
    version,
    task: 'binary',
    signature: { inputs: model.inputs, outputs: [] },
    modelSha256: sha256(list.join()),
    packageSha256: sha256(list.map((path) => `${path} ${files[path]}\n`).join('')),
    files,
  };
  const folder = join(home, 'artifacts', 'models', project, String(version));
  for (const [path, bytes] of [...Object.entries(content), ['manifest.json', JSON.stringify(manifest)] as const]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}
