// The entry of the flow interface. The page's address stands in for a slug that is missing.
class FlowExecutor extends HTMLElement {
	async connectedCallback() {
		const { run } = await import("../chunks/stages.js");
		await run(this, this.getAttribute("slug") ?? location.pathname.split("/")[3]);
	}
}

customElements.define("ak-flow-executor", FlowExecutor);
