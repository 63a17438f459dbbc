// Settings: the only reader of process.env.

export { commonSettings, portSetting } from './common.js';
export { type Config, type ConfigDefinition, defineConfig, type Environment, environment, loadConfig } from './load.js';
export { SERVICE_PREFIXES, SETTING_NAMES } from './names.js';
export {
  type BoolSetting,
  type DurationSetting,
  type IntSetting,
  type ListSetting,
  type NumberSetting,
  parseDurationMs,
  type Setting,
  type SettingValue,
  type TextSetting,
} from './setting.js';
