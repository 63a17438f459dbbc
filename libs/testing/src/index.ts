// For tests only: real brokers, fakes, builders.

export { aLabel, anInbound, aPrediction, aRecord } from './builders.js';
export { openChromium } from './chromium.js';
export { eventually } from './eventually.js';
export { FakeProducer, type SentMessage } from './fake-producer.js';
export { Inspector, type Memory } from './inspector.js';
export { type DedicatedKafka, startKafka, type TestKafka, uniquePrefix } from './kafka-broker.js';
export { type OnnxConstant, type OnnxFile, type OnnxOperator, type OnnxValue, onnxFile } from './onnx-file.js';
export { freePort, waitForPort } from './ports.js';
export { type DedicatedRedis, startRedis, type TestRedis } from './redis-server.js';
export { riseOverRun } from './rise-over-run.js';
export { cloneRoot, type SetupState, setupState } from './setup-state.js';
