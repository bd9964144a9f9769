// The studio's pages. All that they do goes through the API (see /api).
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const ROLES = ["source", "target", "voice"];
const KEPT = "swaptalk-given";
const PARTS = [["load", "Networks"], ["follow", "Following the face"], ["generate", "Making frames"], ["finish", "Signing"]];
const STATES = { queued: "waits", running: "is being made", done: "done", refused: "refused", failed: "failed", cancelled: "cancelled" };
const OVER = ["done", "refused", "failed", "cancelled"];
const AWAY = "The studio does not answer: is it running?";

/** An element with attributes and children; text is only ever set as text. */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** Ask the API; throws an Error with its plain words. */
async function ask(address, method = "GET", body, signal) {
  let answer;
  try {
    answer = await fetch(address, {
      method, signal,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(AWAY);
  }
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.error || `The studio answered with ${answer.status}.`), { status: answer.status });
  return said;
}

const long = (seconds) => (seconds < 10 ? `${seconds.toFixed(1)} s` : clock(seconds));
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const when = (time) => new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

/** Listen to events; the browser comes back by itself, and a line says while it is away. */
function listen(address, handlers) {
  const source = new EventSource(address);
  const away = $("#connection");
  let hint = 0;
  source.onopen = () => { clearTimeout(hint); away.hidden = true; };
  source.onerror = () => {
    clearTimeout(hint);
    hint = setTimeout(() => { away.hidden = false; }, 1500);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(address, handlers), 3000);
  };
  for (const [kind, handle] of Object.entries(handlers)) {
    source.addEventListener(kind, (event) => {
      if (kind === "end") { source.close(); clearTimeout(hint); }
      handle(JSON.parse(event.data));
    });
  }
  addEventListener("pagehide", () => source.close());
}

/** The four stages of a talk that is made, the present one with its progress. */
function stages(talk) {
  const now = PARTS.findIndex(([part]) => part === (talk.progress || {}).part);
  const list = el("ol", { class: "stages", "aria-label": "Progress" });
  PARTS.forEach(([part, said], place) => {
    const item = el("li", { class: place < now ? "over" : place === now ? "now" : "", "aria-current": place === now ? "step" : null });
    item.append(said);
    if (place === now) {
      const { done, of } = talk.progress;
      if (of > 0 && part !== "finish") item.append(` ${Math.min(100, Math.floor((100 * done) / of))} %`);
      item.append(el("progress", of > 0 && part !== "finish" ? { max: of, value: Math.min(done, of), "aria-label": said } : { "aria-label": said }));
    }
    list.append(item);
  });
  return list;
}

/** What a talk's state means, in words. */
function stateOf(talk) {
  if (talk.ending) return "is being ended";
  if (talk.state === "queued") return talk.ahead ? `waits for ${talk.ahead} other${talk.ahead > 1 ? "s" : ""}` : "is next";
  if (talk.state === "running" && !talk.progress) return talk.attempts > 1 ? "goes on" : "begins";
  return STATES[talk.state];
}

/** Cancel, try again, remove: what can be done with a talk now. */
function actions(talk, said) {
  const act = (word, what, extra = {}) => el("button", {
    type: "button", "data-act": what, ...extra,
    onclick: async (event) => {
      if (what === "remove" && !confirm("Remove this video, and what was sent for it alone? Its record stays.")) return;
      event.target.disabled = true;
      said.textContent = "";
      try {
        await (what === "remove" ? ask(`/api/talks/${talk.id}`, "DELETE") : ask(`/api/talks/${talk.id}/${what}`, "POST"));
        if (what === "remove" && document.body.dataset.page === "talk") location.href = "/#videos";
      } catch (error) { said.textContent = error.message; event.target.disabled = false; }
    },
  }, word);
  if (talk.ending) return [];
  if (!OVER.includes(talk.state)) return [act("Cancel", "cancel")];
  const kept = [];
  if (talk.state !== "done") kept.push(act("Try again", "retry"), act("Remove", "remove", { class: "bad" }));
  return kept;
}

// ---- the page where a video is asked for ----

function makePage() {
  const given = { source: null, target: null, voice: null };
  const chosen = { source: null, target: null };
  const cards = Object.fromEntries(ROLES.map((role) => [role, $(`[data-role=${role}]`)]));
  const sending = {};

  const say = (role, kind, text) => { $(`.${kind}`, cards[role]).textContent = text; };

  function keep() {
    const ids = Object.fromEntries(ROLES.map((role) => [role, given[role] && given[role].id]));
    try { localStorage.setItem(KEPT, JSON.stringify(ids)); } catch { /* a private window */ }
  }

  function show(role, upload) {
    const card = cards[role], shown = $(".shown", card), faces = $(".faces", card);
    given[role] = upload;
    if (role !== "voice") chosen[role] = upload && upload.faces.length ? 1 : null;
    card.classList.toggle("has", !!upload);
    $(".empty", card).hidden = !!upload;
    shown.hidden = !upload;
    shown.replaceChildren();
    if (faces) { faces.hidden = true; faces.replaceChildren(); }
    $(".name", card).hidden = !upload;
    if (role === "voice") {
      $(".listen", card).hidden = !upload;
      if (upload) $(".listen", card).src = upload.sound;
    }
    if (upload) {
      $(".called", card).textContent = upload.name;
      const lasts = upload.seconds ? `, ${long(upload.seconds)}` : "";
      $(".facts", card).textContent = `${size(upload.size)}${upload.width ? `, ${upload.width} × ${upload.height}` : ""}${lasts}`;
      shown.append(role === "voice" ? wave(upload.peaks) : el("img", { src: upload.picture, alt: role === "source" ? "The picture that you gave" : "A frame of the video that you gave" }));
      const notes = [...(upload.notes || [])];
      if (role === "target" && !upload.faces.length) notes.push("Nobody is seen in its first seconds: whoever comes later gets the face, and there is no preview.");
      say(role, "status", notes.join(" "));
      if (role !== "voice" && upload.faces.length > 1) chooser(role, upload, faces);
    } else say(role, "status", "");
    keep();
    ready();
    look();
  }

  function chooser(role, upload, faces) {
    faces.hidden = false;
    faces.append(el("span", { class: "ask" }, role === "source" ? "Several people: whose face is wanted?" : "Several people: who gets the face?"));
    for (const face of upload.faces) {
      const choice = el("input", { type: "radio", name: `face-${role}`, value: face.number, checked: face.number === 1, "aria-label": `Face ${face.number}` });
      choice.addEventListener("change", () => { chosen[role] = face.number; look(); });
      faces.append(el("label", {}, choice, el("img", { src: face.picture, alt: "" }), el("b", { "aria-hidden": "true" }, face.number)));
    }
  }

  function wave(peaks) {
    const top = Math.max(...peaks, 0.01), ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("viewBox", `0 0 ${peaks.length} 100`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    peaks.forEach((peak, place) => {
      const bar = document.createElementNS(ns, "rect"), high = Math.max(2, (96 * peak) / top);
      for (const [key, value] of Object.entries({ x: place + 0.15, y: 50 - high / 2, width: 0.7, height: high })) bar.setAttribute(key, value);
      svg.append(bar);
    });
    return svg;
  }

  function send(role, file) {
    if (sending[role]) sending[role].abort();
    say(role, "error", "");
    say(role, "status", "");
    const most = Number($("#make").dataset.mostMb);
    if (file.size > most * 1e6) { say(role, "error", `${file.name}: larger than the ${most} MB that are taken here: make it smaller`); return; }
    const card = cards[role], busy = $(".busy", card), bar = $("progress", busy), doing = $(".doing", busy);
    const request = new XMLHttpRequest(), form = new FormData();
    sending[role] = request;
    form.append("role", role);
    form.append("file", file, file.name);
    busy.hidden = false;
    bar.value = 0;
    doing.textContent = `Sending ${file.name}`;
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
      if (event.loaded === event.total) { bar.removeAttribute("value"); doing.textContent = `Looking at ${file.name}`; }
    };
    request.onloadend = () => {
      if (sending[role] !== request) return;
      sending[role] = null;
      busy.hidden = true;
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* nothing came back */ }
      if (request.status === 201) show(role, said);
      else say(role, "error", said.error || (request.status === 413 ? `${file.name}: too large` : AWAY));
      $(".file", card).value = "";
    };
    request.open("POST", "/api/uploads");
    request.send(form);
  }

  const fitting = (file) => {
    if (file.type.startsWith("audio/")) return "voice";
    if (file.type.startsWith("video/")) return "target";
    return given.source || sending.source ? "target" : "source";
  };

  for (const role of ROLES) {
    const card = cards[role];
    $(".file", card).addEventListener("change", (event) => { if (event.target.files[0]) send(role, event.target.files[0]); });
    $("[data-do=forget]", card).addEventListener("click", () => { show(role, null); $(".file", card).focus(); });
    card.addEventListener("dragover", (event) => { event.preventDefault(); card.classList.add("over"); });
    card.addEventListener("dragleave", () => card.classList.remove("over"));
    card.addEventListener("drop", (event) => {
      event.preventDefault();
      card.classList.remove("over");
      const files = [...event.dataTransfer.files];
      if (files.length > 1) { event.stopPropagation(); files.forEach((file) => send(fitting(file), file)); }
      else if (files.length) { event.stopPropagation(); send(role, files[0]); }
    });
  }
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); [...event.dataTransfer.files].forEach((file) => send(fitting(file), file)); });

  // the voice, recorded
  const record = $("#record"), recorded = $("#recorded");
  let recorder = null, ticking = 0;
  if (!navigator.mediaDevices || !window.MediaRecorder) {
    record.disabled = true;
    recorded.textContent = "Recording needs https, or the studio on this machine.";
  }
  record.addEventListener("click", async () => {
    if (recorder) { recorder.stop(); return; }
    say("voice", "error", "");
    let stream;
    try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); }
    catch (error) {
      say("voice", "error", error.name === "NotFoundError" ? "No microphone was found." : "The browser may not use the microphone: allow it beside the address, then try again.");
      return;
    }
    const pieces = [], begun = Date.now();
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      clearInterval(ticking);
      stream.getTracks().forEach((track) => track.stop());
      const kind = recorder.mimeType.includes("mp4") ? "m4a" : recorder.mimeType.includes("ogg") ? "ogg" : "webm";
      recorder = null;
      record.classList.remove("recording");
      $(".words", record).textContent = "Record it";
      recorded.textContent = "";
      send("voice", new File(pieces, `recorded ${new Date().toTimeString().slice(0, 5).replace(":", ".")}.${kind}`));
    };
    recorder.start();
    record.classList.add("recording");
    $(".words", record).textContent = "Stop";
    ticking = setInterval(() => { recorded.textContent = clock((Date.now() - begun) / 1000); }, 250);
    recorded.textContent = "0:00";
  });

  // the preview: whenever what it shows has changed
  const figure = $("#preview-figure"), picture = $("#preview-picture"), again = $("#preview");
  let looking = null, later = 0;
  function look() {
    clearTimeout(later);
    if (looking) looking.abort();
    $("#preview-error").textContent = "";
    const can = given.source && given.target && given.target.faces.length;
    again.disabled = !can;
    if (!can) {
      picture.hidden = true;
      $(".wait", figure).hidden = false;
      figure.setAttribute("aria-busy", "false");
      $("#preview-status").textContent = "";
      return;
    }
    later = setTimeout(previewed, 250);
  }
  async function previewed() {
    looking = new AbortController();
    const mine = looking;
    figure.setAttribute("aria-busy", "true");
    $("#preview-status").textContent = picture.hidden ? "Looking; the first time takes some seconds, while the networks are loaded." : "Looking.";
    try {
      const made = await ask("/api/preview", "POST", wish(["source", "target", "voice"]), mine.signal);
      if (mine !== looking) return;
      picture.src = made.picture;
      picture.alt = `One frame: the face of ${given.source.name} on ${given.target.name}`;
      picture.hidden = false;
      $(".wait", figure).hidden = true;
      const lips = given.voice ? "where the voice is loudest" : "without a voice the lips are the video's own";
      $("#preview-status").textContent = [`One frame, ${lips}. ${made.seconds.toFixed(1)} s.`, ...made.notes].join(" ");
    } catch (error) {
      if (error.name === "AbortError" || mine !== looking) return;
      $("#preview-status").textContent = "";
      $("#preview-error").textContent = error.message;
    }
    figure.setAttribute("aria-busy", "false");
  }
  again.addEventListener("click", look);
  $("#detail").addEventListener("change", look);

  function wish(roles) {
    const asked = { face: chosen.target, source_face: chosen.source, detail: $("#detail").checked };
    for (const role of roles) asked[role] = given[role] ? given[role].id : null;
    return asked;
  }

  function ready() { if (ROLES.every((role) => given[role])) $("#make-error").textContent = ""; }

  $("#consent").addEventListener("input", (event) => {
    $("#consent-error").textContent = "";
    event.target.removeAttribute("aria-invalid");
  });
  $("#make").addEventListener("submit", async (event) => {
    event.preventDefault();
    const missing = ROLES.find((role) => !given[role]), consent = $("#consent"), go = $("#go");
    $("#make-error").textContent = "";
    if (missing) {
      say(missing, "error", { source: "A picture of the face is missing.", target: "A video is missing.", voice: "A voice is missing." }[missing]);
      $(".file", cards[missing]).focus();
      return;
    }
    if (!consent.value.trim()) {
      $("#consent-error").textContent = "Say whose face and voice these are, and to what they agreed.";
      consent.setAttribute("aria-invalid", "true");
      consent.focus();
      return;
    }
    go.disabled = true;
    try {
      const talk = await ask("/api/talks", "POST", { ...wish(ROLES), consent: consent.value.trim(), label: $("#label").checked });
      $("#told").textContent = "Your video is in the queue.";
      row(talk);
      $(`#talk-${talk.id}`).scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      $(`#talk-${talk.id} .title a`).focus({ preventScroll: true });
    } catch (error) { $("#make-error").textContent = error.message; }
    go.disabled = false;
  });

  // the list
  const list = $("#list"), states = {};
  function row(talk) {
    let item = $(`#talk-${talk.id}`);
    const said = el("p", { class: "error", role: "alert" }), { source, target, voice } = talk.files;
    const held = item && item.contains(document.activeElement) ? document.activeElement.dataset.act || "title" : null;
    const made = el("li", { class: "card", id: `talk-${talk.id}`, "data-state": talk.state });
    const thumb = talk.state === "done" && item && item.dataset.state === "done" ? $(".thumb", item)
      : talk.state === "done" ? el("video", { class: "thumb", src: `${talk.video}#t=0.4`, preload: "metadata", muted: true, playsinline: true, tabindex: "-1", "aria-hidden": "true" })
        : el("img", { class: "thumb", src: `/api/uploads/${talk.uploads.target}/picture`, alt: "" });
    const words = el("div", {},
      el("p", { class: "title" }, el("a", { href: `/talks/${talk.id}`, "data-act": "title" }, `${source.name} on ${target.name}, saying ${voice.name}`)),
      el("p", { class: "when" }, el("span", { class: `state ${talk.state}` }, stateOf(talk)), when(talk.asked)));
    if (talk.state === "running" && talk.progress) words.append(stages(talk));
    if (talk.reason) words.append(el("p", { class: "error" }, talk.reason));
    words.append(said);
    const does = el("p", { class: "does" }, ...actions(talk, said));
    if (talk.state === "done") does.append(
      el("a", { class: "button primary", href: `/talks/${talk.id}` }, "Play"),
      el("a", { class: "button", href: `${talk.video}?download=1`, download: `swaptalk-${talk.id}.mp4` }, "Download"));
    made.append(thumb, words, does);
    if (item) item.replaceWith(made); else list.prepend(made);
    if (held) ($(`[data-act="${held}"]`, made) || $(".title a", made)).focus({ preventScroll: true });
    if (states[talk.id] && states[talk.id] !== talk.state && OVER.includes(talk.state)) $("#told").textContent = `${source.name} on ${target.name}: ${STATES[talk.state]}`;
    states[talk.id] = talk.state;
    $("#none").hidden = true;
  }
  const forget = (item) => { item.remove(); $("#none").hidden = !!list.children.length; };
  listen("/api/events", {
    talk: row,
    known: ({ ids }) => [...list.children].filter((item) => !ids.includes(item.id.slice(5))).forEach(forget),
    removed: ({ id }) => { const item = $(`#talk-${id}`); if (item) forget(item); },
    studio: (about) => { $("#problem").hidden = !about.problem; $("#problem").textContent = about.problem || ""; },
  });

  // what was given before this window was closed, or for another video
  (async () => {
    let ids = {};
    const like = new URLSearchParams(location.search).get("again");
    try {
      if (like) {
        const talk = await ask(`/api/talks/${like}`);
        ids = talk.uploads;
        $("#consent").value = talk.consent || "";
        history.replaceState(null, "", "/");
      } else ids = JSON.parse(localStorage.getItem(KEPT) || "{}");
    } catch { /* nothing was kept */ }
    for (const role of ROLES) {
      if (ids[role]) ask(`/api/uploads/${ids[role]}`).then((upload) => { if (!given[role] && !sending[role]) show(role, upload); }, keep);
    }
  })();
}

// ---- the page of one video ----

function talkPage() {
  const id = $("#talk").dataset.id, work = $("#work"), problem = $("#problem");
  let shown = false, dagster = null;
  ask("/api/studio").then((about) => { dagster = about.dagster; }, () => {});

  function follow(talk) {
    const said = el("p", { class: "error", role: "alert" });
    const held = work.contains(document.activeElement);
    work.replaceChildren(el("p", { class: "when", role: "status" }, el("span", { class: `state ${talk.state}` }, stateOf(talk)), `asked for ${when(talk.asked)}`));
    if (talk.state === "running" && talk.progress) work.append(stages(talk));
    if (talk.reason) work.append(el("p", { class: "error" }, talk.reason));
    if (talk.notes.length) work.append(el("ul", { class: "notes" }, ...talk.notes.map((note) => el("li", {}, note))));
    const does = actions(talk, said);
    if (does.length) work.append(el("p", { class: "does" }, ...does), said);
    if (held && does.length) does[0].focus();
    if (talk.state === "done" && !shown) { shown = true; play(talk); }
    facts(talk);
  }

  function play(talk) {
    const video = $("#video"), target = $("#target");
    $("#result").hidden = false;
    video.src = talk.video;
    target.src = talk.beside;
    target.addEventListener("error", () => { target.closest("figure").hidden = true; });
    const step = () => {
      if (target.readyState < 1) return;
      if (Math.abs(target.currentTime - video.currentTime) > (video.paused ? 0.01 : 0.06)) target.currentTime = video.currentTime;
      if (video.paused !== target.paused) { if (video.paused) target.pause(); else target.play().catch(() => {}); }
      target.playbackRate = video.playbackRate;
    };
    for (const event of ["play", "pause", "seeking", "seeked", "timeupdate", "ratechange", "ended"]) video.addEventListener(event, step);
    target.addEventListener("loadeddata", step);
    (function always() { if (!video.paused) step(); requestAnimationFrame(always); })();
    addEventListener("keydown", (event) => {
      if (event.key === " " && event.target === document.body) { event.preventDefault(); if (video.paused) video.play(); else video.pause(); }
    });
  }

  function facts(talk) {
    const { lineage, files, frames } = talk, rows = [];
    const add = (name, ...what) => rows.push(el("dt", {}, name), el("dd", {}, ...what));
    for (const [role, name] of [["source", "Face"], ["target", "Video"], ["voice", "Voice"]]) {
      add(name, files[role].name, " ", el("code", { class: "soft", title: files[role].sha256 }, files[role].sha256.slice(0, 16)));
    }
    add("Consent", talk.consent || "none was told");
    add("Label", talk.label ? "AI-generated, in a corner" : "none that people see");
    if (frames) {
      const passed = Object.entries(frames.passed_through || {}).map(([why, count]) => `${count} left as they are (${why})`);
      if (frames.partly_covered) passed.push(`in ${frames.partly_covered} something is before the face`);
      add("Frames", [`${frames.frames}, a face was made in ${frames.made}`, ...passed].join("; "));
    }
    if (lineage) {
      add("Release", el("code", {}, lineage.release));
      if (lineage.snapshot) add("Training snapshot", el("code", {}, lineage.snapshot));
      add("Marks", `${lineage.marks.manifest ? "signed manifest" : "no manifest"}, ${lineage.marks.watermark ? `watermark ${lineage.marks.watermark}` : "no watermark"}`);
      add("Job", el("code", {}, lineage.job));
      add("File", el("code", {}, lineage.output));
    }
    if (talk.run) add("Dagster run", dagster ? el("a", { href: `${dagster}/runs/${talk.run}` }, talk.run) : el("code", {}, talk.run));
    $("#facts").replaceChildren(...rows);
  }

  $("#verify").addEventListener("click", async (event) => {
    event.target.disabled = true;
    problem.textContent = "";
    $("#verified").textContent = "Looking at manifest and watermark.";
    try { $("#verified").textContent = (await ask(`/api/talks/${id}/verification`)).said; }
    catch (error) { $("#verified").textContent = ""; problem.textContent = error.message; }
    event.target.disabled = false;
  });
  $("#remove").addEventListener("click", async () => {
    if (!confirm("Remove this video, and what was sent for it alone? Its record stays.")) return;
    try { await ask(`/api/talks/${id}`, "DELETE"); location.href = "/#videos"; } catch (error) { problem.textContent = error.message; }
  });
  listen("/api/events", { talk: (talk) => { if (talk.id === id) follow(talk); }, removed: (gone) => { if (gone.id === id) location.href = "/#videos"; } });
}

if ($("#make")) makePage();
if ($("#talk")) talkPage();
