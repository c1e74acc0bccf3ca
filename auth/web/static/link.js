// Makes the pages livelier. Every page works without it.
"use strict";

(() => {
  const poll_every_ms = 2000;
  const low_seconds = 20;
  const watch_approved_ms = 30000;
  const open_states = ["requested", "pending", "opened"];

  const link = document.querySelector("#link, #result[data-poll]");
  const live = document.getElementById("live");
  let leaving = false;

  function say(text) {
    if (live && live.textContent !== text) live.textContent = text;
  }

  // One submit a page: a second click must not send a second decision.
  function guard_forms() {
    for (const form of document.forms) {
      form.addEventListener("submit", (event) => {
        if (leaving) {
          event.preventDefault();
          return;
        }
        leaving = true;
        const button = event.submitter || form.querySelector("button");
        if (button.dataset.busy) {
          button.dataset.label = button.textContent;
          button.textContent = button.dataset.busy;
        }
        setTimeout(() => set_buttons_disabled(true), 0);
      });
    }
  }

  function set_buttons_disabled(disabled) {
    for (const button of document.querySelectorAll("main form button")) {
      button.disabled = disabled;
      if (!disabled && button.dataset.label) button.textContent = button.dataset.label;
    }
  }

  function show_local_times() {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of document.querySelectorAll("time[data-local]")) {
      const date = new Date(time.dateTime);
      if (!isNaN(date)) time.textContent = format.format(date);
    }
  }

  function offer_copy() {
    if (!navigator.clipboard) return;
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const text = document.getElementById(button.dataset.copy).textContent;
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = "Copied";
          say("Copied to the clipboard.");
        } catch {
          button.textContent = "Not copied";
        }
      });
    }
  }

  // The server words every outcome, so a changed state is shown by loading the page again.
  function show_outcome() {
    if (leaving) return;
    leaving = true;
    set_buttons_disabled(true);
    location.replace(link.dataset.url);
  }

  function follow_link() {
    const left = document.getElementById("time-left");
    const bar = document.getElementById("time-bar");
    const card = document.getElementById("link");
    const shown_state = link.dataset.state;
    let deadline = first_deadline();
    let failures = 0;
    let timer = 0;
    let time_is_up = false;
    const opened_at = performance.now();

    // Seconds from the server are right even when this machine's clock is wrong.
    function first_deadline() {
      const seconds = parseFloat(link.dataset.secondsLeft);
      if (!isNaN(seconds)) return performance.now() + seconds * 1000;
      return performance.now() + (Date.parse(link.dataset.expiresAt) - Date.now());
    }

    function seconds_left() {
      return Math.max(0, Math.ceil((deadline - performance.now()) / 1000));
    }

    function show_time() {
      if (!left || leaving) return;
      const seconds = seconds_left();
      left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      if (bar) bar.value = seconds;
      if (card) card.classList.toggle("low", seconds <= low_seconds);
      if (seconds === low_seconds) say(`${low_seconds} seconds left.`);
      if (time_is_up !== (seconds === 0)) {
        time_is_up = seconds === 0;
        set_buttons_disabled(time_is_up);
      }
    }

    function is_over(state) {
      return shown_state === "approved" ? state !== "approved" : !open_states.includes(state);
    }

    async function ask() {
      const response = await fetch(link.dataset.url + "/state", {
        cache: "no-store",
        credentials: "same-origin",
        headers: { Accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(5000),
      });
      if (response.status >= 500 || response.status === 429) throw new Error("unavailable");
      if (!response.ok) return show_outcome();
      const answer = await response.json();
      if (is_over(answer.state)) return show_outcome();
      if (typeof answer.seconds_left === "number") {
        deadline = performance.now() + answer.seconds_left * 1000;
      }
    }

    function is_watched() {
      if (leaving) return false;
      return shown_state !== "approved" || performance.now() - opened_at < watch_approved_ms;
    }

    // The server refused the login, or psql ended: only the terminal knows.
    function show_unreported() {
      const text = document.getElementById("unreported");
      if (!text || leaving) return;
      document.getElementById("connecting").hidden = true;
      text.hidden = false;
      say(text.textContent);
    }

    async function poll() {
      clearTimeout(timer);
      if (!is_watched()) return show_unreported();
      try {
        await ask();
        if (failures > 1) say("");
        failures = 0;
      } catch {
        failures += 1;
        if (failures > 1) say("sluice does not answer. Trying again.");
      }
      clearTimeout(timer);
      timer = setTimeout(poll, poll_every_ms);
    }

    show_time();
    setInterval(show_time, 1000);
    timer = setTimeout(poll, poll_every_ms);
    // Browsers slow the timers of a hidden tab down: be up to date when it shows again.
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) poll();
    });
  }

  // A page from the back-forward cache shows an old state.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    leaving = false;
    set_buttons_disabled(false);
    if (link) show_outcome();
  });

  guard_forms();
  show_local_times();
  offer_copy();
  if (link) follow_link();
})();
