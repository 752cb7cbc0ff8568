/** Which part of the page is shown, as the address has it after `#`: a reload and the back button keep it. */
import { defineStore } from 'pinia';
import { ref } from 'vue';

export type View = 'tasks' | 'chat' | 'admin';

export const useView = defineStore('view', () => {
  const view = ref<View>('tasks');
  const room = ref<string>();

  function read(): void {
    const [name, key] = location.hash.slice(1).split('/');
    view.value = name === 'chat' || name === 'admin' ? name : 'tasks';
    if (view.value === 'chat') room.value = key === undefined ? undefined : decoded(key);
  }

  function show(wanted: View): void {
    if (wanted === 'chat') location.hash = address(room.value);
    else location.hash = wanted === 'admin' ? 'admin' : '';
  }

  function showRoom(key: string): void {
    location.hash = address(key);
  }

  addEventListener('hashchange', read);
  read();
  return { view, room, show, showRoom };
});

function address(key: string | undefined): string {
  return key === undefined ? 'chat' : `chat/${encodeURIComponent(key)}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
