/**
 * The organisation's notification stream: one client for the page, which the chat shares, and one subscription for the
 * organisation that is shown.
 *
 * The client belongs to the session: it is made on sign-in and closed on sign-out.
 */
import { Client, type ConnectionState, type StreamEvent, type Subscription } from '@indaba/client';
import { defineStore } from 'pinia';
import { computed, ref, shallowRef, triggerRef } from 'vue';
import { useAdmin } from './admin';
import { useChat } from './chat';
import { useSession } from './session';
import { useTasks } from './tasks';

/** How many are replayed on the first visit, and how many are kept to be shown. */
const replayed = 50;
const kept = 200;

export const useStream = defineStore('stream', () => {
  const session = useSession();
  const tasks = useTasks();
  const chat = useChat();
  const admin = useAdmin();
  const connection = ref<ConnectionState>({ status: 'offline', transport: 'websocket' });
  const events = shallowRef<StreamEvent[]>([]);
  /** Older events are gone, or the access to the organisation is. */
  const notice = ref<'reset' | 'lost'>();
  const newestFirst = computed(() => [...events.value].reverse());
  let client: Client | undefined;
  let subscription: Subscription | undefined;

  function open(org: string): void {
    close();
    client = new Client();
    client.on('state', (state) => {
      connection.value = state;
      if (state.status === 'closed' && state.code === 4001) session.expire();
    });
    subscription = client.subscribe(`orgs/${org}/notifications`, { last: replayed });
    subscription.on('event', onEvent);
    subscription.on('reset', () => {
      notice.value = 'reset';
      void tasks.load(org);
    });
    subscription.on('end', () => {
      notice.value = 'lost';
    });
    // The list is read once the stream's place is fixed: what changes later comes as an event.
    const stop = subscription.on('live', (live) => {
      if (!live) return;
      stop();
      void tasks.load(org);
    });
    if (session.me) {
      chat.open(client, org, session.me);
      admin.open(client, org, session.me.id);
    }
    client.connect();
  }

  function close(): void {
    chat.close();
    admin.close();
    client?.close();
    client = undefined;
    subscription = undefined;
    events.value = [];
    notice.value = undefined;
    tasks.clear();
  }

  function onEvent(event: StreamEvent): void {
    if (event.seq === undefined) return; // who comes and goes is no notification
    events.value.push(event);
    if (events.value.length > kept) events.value.splice(0, events.value.length - kept);
    triggerRef(events);
    tasks.apply(event);
    admin.apply(event);
  }

  function reconnect(): void {
    client?.connect();
  }

  return { connection, events, newestFirst, notice, open, close, reconnect };
});
