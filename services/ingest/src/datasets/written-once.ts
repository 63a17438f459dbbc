// Version files in the artifact store, each written once: whoever reads one knows its hash from datasets.v1, and the
// same rows written again are other bytes. One that is lost or was changed is written again.

import { PlatformError } from '@millrace/domain';
import type { DatasetIndex } from './dataset-index.js';
import type { FileStore } from './version-file.duckdb.js';

const PATH = /^datasets\/([^/]+)\/([^/]+)\/data\.parquet$/;

export function writtenOnce(store: FileStore, index: Pick<DatasetIndex, 'find'>): FileStore {
  const isWhole = async (path: string, sha256: string): Promise<boolean> => {
    try {
      await store.localFile(path, sha256);
      return true;
    } catch (thrown) {
      const { code } = PlatformError.from(thrown);
      if (code === 'not_found' || code === 'corrupt') return false;
      throw thrown;
    }
  };
  return {
    localFile: (path, sha256) => store.localFile(path, sha256),
    putFile: async (path, file) => {
      const [, project = '', id = ''] = PATH.exec(path) ?? [];
      const announced = index.find(project, id);
      if (announced !== null && (await isWhole(path, announced.parquetSha256))) return announced.parquetSha256;
      return store.putFile(path, file);
    },
  };
}
