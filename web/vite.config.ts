import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

// `npm run dev` serves the page; everything else comes from a running server.
const server = process.env['INDABA_URL'] ?? 'http://127.0.0.1:8080';
const proxied = { target: server, ws: true, headers: { origin: server } };

export default defineConfig({
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    // The page's policy allows no data: URLs.
    assetsInlineLimit: 0,
    target: 'es2022',
  },
  server: { proxy: { '/api': proxied, '/ws': proxied } },
});
