// Version files in the artifact store: each under a name of its own, which is of its bytes, so that nobody, an owner
// that was replaced and does not know of it neither, writes over one that was announced. The same rows written again
// are other bytes: then the announced file is the answer, unless it is lost or was changed.

import { type ArtifactStore, sha256OfFile } from '@millrace/artifacts';
import { PlatformError } from '@millrace/domain';
import type { DatasetIndex } from './dataset-index.js';
import type { PlacedFile, VersionStore } from './version-file.duckdb.js';

const NAME_DIGITS = 16;

export function versionFiles(
  store: Pick<ArtifactStore, 'putFile' | 'localFile'>,
  index: Pick<DatasetIndex, 'find'>,
): VersionStore {
  const isWhole = async ({ parquetPath, parquetSha256 }: PlacedFile): Promise<boolean> => {
    try {
      await store.localFile(parquetPath, parquetSha256);
      return true;
    } catch (thrown) {
      const { code } = PlatformError.from(thrown);
      if (code === 'not_found' || code === 'corrupt') return false;
      throw thrown;
    }
  };
  return {
    localFile: (path, sha256) => store.localFile(path, sha256),
    place: async (project, id, file, { always }) => {
      const announced = always ? null : index.find(project, id);
      if (announced !== null && (await isWhole(announced))) {
        const { parquetPath, parquetSha256 } = announced;
        return { parquetPath, parquetSha256 };
      }
      const parquetSha256 = await sha256OfFile(file);
      const parquetPath = `datasets/${project}/${id}/${parquetSha256.slice(0, NAME_DIGITS)}.parquet`;
      await store.putFile(parquetPath, file);
      return { parquetPath, parquetSha256 };
    },
  };
}

/** Beside it, what it is, for whoever finds it without Kafka. */
export const manifestPathOf = ({ parquetPath }: Pick<PlacedFile, 'parquetPath'>): string =>
  parquetPath.replace(/\.parquet$/, '.json');
