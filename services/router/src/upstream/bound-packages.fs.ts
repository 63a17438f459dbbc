// What the router needs of a registered version's package: how its tensors are the project's columns, and the order in
// which predictions carry these.

import type { ArtifactStore } from '@millrace/artifacts';
import { PlatformError, taskOf } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import { parseBinding, RowsOfCall } from '@millrace/inference';

export async function rowsOfPackage(store: ArtifactStore, packagePath: string): Promise<RowsOfCall> {
  const [binding, text] = await Promise.all([
    store.read(`${packagePath}/binding.json`),
    store.read(`${packagePath}/manifest.json`),
  ]);
  const { task, inputs } = manifestOf(text.toString('utf8'), packagePath);
  return new RowsOfCall({ binding: parseBinding(binding.toString('utf8')), inputs, task: taskOf(task) });
}

function manifestOf(text: string, packagePath: string): { task: string; inputs: SignatureInput[] } {
  let manifest: { task?: unknown; signature?: { inputs?: Partial<SignatureInput>[] } };
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw new PlatformError('corrupt', `${packagePath}/manifest.json is not JSON`, { cause });
  }
  const inputs = manifest.signature?.inputs;
  if (
    typeof manifest.task !== 'string' ||
    !Array.isArray(inputs) ||
    !inputs.every(({ name }) => typeof name === 'string')
  )
    throw new PlatformError('corrupt', `${packagePath}/manifest.json has no task or names no inputs`);
  return { task: manifest.task, inputs: inputs as SignatureInput[] };
}
