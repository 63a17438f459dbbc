// The artifact store.

export type { ArtifactStore } from './artifact-store.js';
export { ARTIFACTS_FOLDER, openArtifactStore, sha256 } from './fs-artifact-store.js';
