// For tests only: real brokers, fakes, builders.

export { artifactStoreContract } from './artifact-store-contract.js';
export {
  type BanditRun,
  banditRun,
  type LabelledWorld,
  lossOf,
  POLICIES,
  type Policy,
} from './bandit-world.js';
export { BrokerLink, type LinkFault } from './broker-link.js';
export { aLabel, aModelVersion, anInbound, aPrediction, aRecord } from './builders.js';
export { openChromium } from './chromium.js';
export { type CodeBlock, codeBlocks, shellCommands, shellWords } from './code-blocks.js';
export { CommandLines, type Told } from './command-lines.js';
export { eventually } from './eventually.js';
export { historiesToRun } from './histories.js';
export { Inspector } from './inspector.js';
export { type DedicatedKafka, startKafka, type TestKafka, uniquePrefix } from './kafka-broker.js';
export { LOANS_PROJECT } from './loans-project.js';
export { type OnnxFile, onnxFile } from './onnx-file.js';
export { namesOf, OPTIONAL_KEYS, type OptionalKeys, projectTextWith } from './optional-keys.js';
export { freeOffset, freePort, freePorts, waitForPort } from './ports.js';
export { type PublicTable, publicTables, rowsOfTable, type TableRows } from './public-tables.js';
export { recreateTopics } from './recreate-topics.js';
export { type DedicatedRedis, startRedis } from './redis-server.js';
export { riseOverRun } from './rise-over-run.js';
export { answerInto, both, type Crowd, type Difference, Entities, evaluatedScores } from './rollout-world.js';
export { startS3, type TestS3 } from './s3-server.js';
export { cloneRoot, setupState } from './setup-state.js';
