// The artifact store.

export { ArtifactStore, sha256 } from './artifact-store.js';
