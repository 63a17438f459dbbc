// Files that are replaced whole and durably.

export { type FileCalls, PROMISED_CALLS } from './file-calls.js';
export {
  type JsonRead,
  readJson,
  readJsonFolderSync,
  readJsonSync,
  replaceJson,
  replaceJsonSync,
} from './json-file.js';
export { removeFile, removeFileSync, replaceFile, replaceFileSync, syncFolderOf } from './replace-file.js';
