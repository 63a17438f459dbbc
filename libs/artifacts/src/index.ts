// The artifact store.

export type { ArtifactStore } from './artifact-store.js';
export { sha256, sha256OfFile } from './hashes.js';
export { ARTIFACTS_FOLDER, isInHome, openArtifactStore, type StoreSettings } from './open-artifact-store.js';
export { outlast } from './outlast.js';
