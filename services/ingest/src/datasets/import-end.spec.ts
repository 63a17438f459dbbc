import { expect, it } from '@jest/globals';
import type { DatasetVersion, ImportEndProgress } from '@millrace/contracts';
import { importEnd } from './import-end.js';
import { OpenSpans } from './open-spans.js';

const end = (importId: string, versionId: string, failure = ''): ImportEndProgress => ({
  ...{ kind: 'importEnd', importId, project: 'p', versionId, failure },
});

function ended(versions: readonly string[]) {
  const spans = new OpenSpans();
  let told = (): void => undefined;
  const upToNow = () =>
    new Promise<void>((resolve) => {
      told = resolve;
    });
  // Known only when everything was read that was written before.
  let known: readonly string[] = [];
  const find = (_project: string, id: string) => (known.includes(id) ? ({ id } as DatasetVersion) : null);
  const result = importEnd({ spans, index: { find }, upToNow }, 'i');
  const read = async (): Promise<void> => {
    await Promise.resolve();
    known = versions;
    told();
  };
  return { spans, result, read };
}

it('is its version, as soon as that is known', async () => {
  const { spans, result, read } = ended(['v']);
  spans.put(end('another', 'w'));
  spans.put(end('i', 'v'));
  await Promise.resolve();
  await read();
  expect(await result).toEqual({ kind: 'closed', version: { id: 'v' } });
});

it('does not stay running when its version was deleted by retention meanwhile: it says so', async () => {
  const { spans, result, read } = ended([]);
  spans.put(end('i', 'v'));
  await Promise.resolve();
  await read();
  expect(await result).toMatchObject({ kind: 'failed', message: expect.stringMatching(/ v was made, and deleted/) });
});

it('is why there is no version', async () => {
  const { spans, result } = ended([]);
  spans.put(end('i', '', 'no good rows'));
  expect(await result).toEqual({ kind: 'failed', message: 'no good rows' });
});
