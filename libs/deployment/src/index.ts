// Processes, ports, settings and their order, as data.

export { composeFile, composePlan, KAFKA_CLUSTER_ID } from './compose/compose-file.js';
export { type Environment, hostAndPort, LOOPBACK, type Place, placeOf } from './place.js';
export { OFFSET_STEP, PORT_NAMES, PORTS, type PortName, type Ports, type Service } from './ports.js';
export { portsTable } from './ports-table.js';
export { EXIT_CONFIGURATION, exitCodeOfStart } from './processes/exit-codes.js';
export { embeddedKafkaProperties } from './processes/kafka-properties.js';
export { boundedCommand } from './processes/memory-bound.js';
export {
  controllerPort,
  kafkaFolder,
  kafkaJars,
  kafkaJavaArgs,
  kafkaServerProperties,
  type PlatformOptions,
  type PlatformPorts,
  type ProcessPlan,
  platformPlan,
  REQUEST_PATH_ARGS,
  type Readiness,
  redisArgs,
  type SetupState,
} from './processes/process-plan.js';
export {
  portsOfReplica,
  processName,
  type Replicas,
  replicaOfProcess,
  replicaPlaces,
  replicasText,
  SERVICE_NAMES,
} from './replicas.js';
export {
  faultsForUp,
  isPathSetting,
  SETTINGS,
  type SettingsGroup,
  TEST_SETTINGS,
  unknownSettings,
} from './settings/all-settings.js';
export { type ArtifactSettings, artifactFaults, artifactSettings, artifactTarget } from './settings/artifacts.js';
export { commonSettings } from './settings/common-settings.js';
export { ingestSettings } from './settings/ingest.js';
export { launcherSettings } from './settings/launcher.js';
export { monitorSettings } from './settings/monitor.js';
export { ownModelDataBytesMax } from './settings/own-model.js';
export { type Config, readSettings } from './settings/read-settings.js';
export { routerSettings } from './settings/router.js';
export { servingSettings } from './settings/serving.js';
export { parseDurationMs, parseSetting, type Setting, type Settings } from './settings/setting.js';
export { hostPortFault } from './settings/text-checks.js';
export { topicTerms } from './settings/topics.js';
export { trainerSettings } from './settings/trainer.js';
export { workerSettings } from './settings/worker.js';
