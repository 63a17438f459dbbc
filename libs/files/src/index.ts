// Files that are replaced whole and durably, text files as people have them, files that callers send in pieces.

export { openImportRoots, openToImports } from './import-roots.js';
export { readJson, readJsonFolderSync, readJsonSync, replaceJson, replaceJsonSync } from './json-file.js';
export { LASTING_DUCKDB } from './lasting-duckdb.js';
export { checkFile, isMissingFile, missingFile } from './missing-file.js';
export { placeFile, removeFile, replaceFileSync, writeStaged } from './replace-file.js';
export {
  encodingWarning,
  firstBytesOf,
  inspectText,
  type TextFacts,
  textOf,
  undecodable,
} from './text-file.js';
export { FolderUploads } from './uploads/upload-files.js';
export { Uploads } from './uploads/uploads.js';
