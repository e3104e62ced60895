{{ config(materialized='incremental', order_by='id', unique_key='id') }}
select id, name from {{ source('gatepost', 'readings') }}
{% if is_incremental() %} where id >= (select max(id) from {{ this }}) {% endif %}
