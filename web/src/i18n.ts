/** The languages of the page. The reader's own choice is kept; else the browser's first known language is taken. */
import { watch } from 'vue';
import { createI18n } from 'vue-i18n';
import af from './locales/af';
import en from './locales/en';

export const locales = { en: 'English', af: 'Afrikaans' } as const;
export type Locale = keyof typeof locales;

const key = 'indaba.locale';

function isLocale(name: string | null): name is Locale {
  return name !== null && name in locales;
}

function preferred(): Locale {
  const chosen = localStorage.getItem(key);
  if (isLocale(chosen)) return chosen;
  return navigator.languages.map((tag) => tag.slice(0, 2)).find(isLocale) ?? 'en';
}

export const i18n = createI18n<[typeof en], Locale, false>({
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- still what chooses the composition API
  legacy: false,
  locale: preferred(),
  fallbackLocale: 'en',
  messages: { en, af },
});

watch(
  i18n.global.locale,
  (locale) => {
    document.documentElement.lang = locale;
  },
  { immediate: true },
);

export function chooseLocale(locale: Locale): void {
  localStorage.setItem(key, locale);
  i18n.global.locale.value = locale;
}
