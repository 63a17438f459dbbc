// Files that are replaced whole and durably.

export { type FileCalls, PROMISED_CALLS } from './file-calls.js';
export { readJson, readJsonFolderSync, readJsonSync, replaceJson, replaceJsonSync } from './json-file.js';
export { removeFile, removeFileSync, replaceFile, replaceFileSync } from './replace-file.js';
