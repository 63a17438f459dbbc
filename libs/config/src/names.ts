// The closed list of environment variables that Millrace knows. A MILLRACE_* variable outside of it is refused by every
// service, so that a typing error is noticed instead of ignored. `defineConfig` refuses names that are not listed here.

export const SETTING_NAMES: Readonly<Record<string, string>> = {
  MILLRACE_HOME: 'state folder; default .millrace in the project root',
  MILLRACE_CACHE: 'downloads of set-up; default ~/.cache/millrace',
  MILLRACE_KAFKA_BROKERS: 'comma-separated broker addresses; unset = the embedded broker',
  MILLRACE_REDIS_URL: 'Redis address; unset = the embedded Redis',
  MILLRACE_KAFKA_PORT: 'port of the embedded Kafka',
  MILLRACE_REDIS_PORT: 'port of the embedded Redis',
  MILLRACE_TOPIC_PREFIX: 'prefix of every topic',
  MILLRACE_LOG_LEVEL: 'error, warn, info or debug',
  MILLRACE_TRACE_RATIO: 'share of root traces that are sampled, 0 to 1',
  MILLRACE_PARENT_WATCH: '1 = end when stdin closes (the supervisor died)',
  MILLRACE_REPLICA: 'name of this process among replicas of one service; goes into client ids',
  MILLRACE_ALLOWED_HOSTS: 'comma-separated host names under which pages and proxies may change things; default none',
  MILLRACE_DEVICE: 'cpu or gpu: which TensorFlow library set-up links',
  MILLRACE_TEST_KAFKA_BROKERS: 'tests only: use this broker instead of starting one',
  MILLRACE_TEST_REDIS_URL: 'tests only: use this Redis instead of starting one',
  MILLRACE_TEST_CHROMIUM:
    'tests only: the Chromium that opens the dashboard; default: the one of the machine, else a packaged one',
  MILLRACE_INGEST_HTTP_PORT: 'ingest HTTP port',
  MILLRACE_INGEST_GRPC_PORT: 'ingest gRPC port',
  MILLRACE_TRAINER_HTTP_PORT: 'trainer HTTP port',
  MILLRACE_TRAINER_GRPC_PORT: 'trainer gRPC port',
  MILLRACE_SERVING_HTTP_PORT: 'serving HTTP port',
  MILLRACE_SERVING_GRPC_PORT: 'serving gRPC port',
  MILLRACE_MONITOR_HTTP_PORT: 'monitor HTTP port',
  MILLRACE_MONITOR_GRPC_PORT: 'monitor gRPC port',
  MILLRACE_ROUTER_HTTP_PORT: 'router V2 REST port',
  MILLRACE_ROUTER_GRPC_PORT: 'router V2 gRPC port',
  MILLRACE_ROUTER_METRICS_PORT: 'router metrics port',
  MILLRACE_ROUTER_CONTROL_PORT: 'router control port (HTTP JSON)',
  MILLRACE_ROUTER_CONTROL_GRPC_PORT: 'router control port (gRPC)',
};

/**
 * Settings of one service have one of these prefixes and need no entry above: MILLRACE_INGEST_…, MILLRACE_TRAINER_…,
 * MILLRACE_WORKER_…, MILLRACE_SERVING_…, MILLRACE_ROUTER_…, MILLRACE_MONITOR_…. A service refuses unknown ones of its own
 * prefix; those of other services pass, because the supervisor hands the same environment to all.
 */
export const SERVICE_PREFIXES: readonly string[] = [
  'INGEST',
  'TRAINER',
  'WORKER',
  'SERVING',
  'ROUTER',
  'MONITOR',
  'CLI',
  'BENCH',
  'SETUP',
].map((name) => `MILLRACE_${name}_`);
