// A language that Intl takes, before the chart library asks for one as it loads: a browser without a locale calls its
// own "en-US@posix", which is no language tag. What the browser says is kept wherever Intl takes it.

const FALLBACK = 'en';

try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: FALLBACK });
}
